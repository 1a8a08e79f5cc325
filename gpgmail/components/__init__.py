"""The component face: SMTP and PSMTP as the reference pages describe them, over the same rooms."""
