"""The channels, one module each, behind `server.publishing.channel.Channel`."""
