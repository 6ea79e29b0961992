"""Local servers that behave as the channels do, failures included, and can be made to fail at any call."""
