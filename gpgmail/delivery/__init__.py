"""Where the steps are joined: plan who gets which copy, compose, protect, deliver."""
