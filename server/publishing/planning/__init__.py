"""Planning: what goes out where and when, as people see and change it, until a worker takes it up."""
