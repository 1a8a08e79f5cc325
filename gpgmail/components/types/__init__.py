"""The typed values of the components: mutable, each with the fields that the reference names."""
