"""What is wrong with this machine, for an account, and the command that mends it.

A check is a small function that gets a `Case` and gives findings; which there are stands in
`checks.py`. None of them changes anything, waits longer than its limit, asks anybody, or shows a
secret.
"""
