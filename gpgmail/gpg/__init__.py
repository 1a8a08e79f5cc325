"""The one room that finds, configures and starts gpg; engines and keyrings get a ready `Home`."""
