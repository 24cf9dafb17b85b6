"""Messages: abuse reports (ARF), forwarded phishing messages, and files of many (mbox).

What is read of a message stands in `message.py`, where the lure begins in `lure.py` and
`quoting.py`, what is never told of a person in `people.py`, how much is read in `limits.py`.
"""
