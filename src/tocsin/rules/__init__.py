"""The law and the agreements as tables: deadlines, lifecycles, concern, disclosure, playbooks; each row cites its source."""
