"""HTTP endpoints, thin: each turns a request into a call of a part and its result into JSON."""
