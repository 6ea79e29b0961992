"""What the realtime engine costs: `make bench`. Times depend on the machine; compare runs made side by side."""
