"""What comes after publishing: how a post fares, and changing it or taking it down where its channel can.

A **change** is what somebody wants done with a published post: brought up to a newer text, or taken down. A **look**
asks the channel how the post fares; what it tells are **figures**.
"""
