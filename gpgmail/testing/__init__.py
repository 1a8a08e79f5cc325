"""Public doubles for tests of programs that use gpgmail: throwaway homes and SMTP sinks."""
