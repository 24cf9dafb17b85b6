"""What the shield does: receive, triage, decide, publish, hear appeals."""
