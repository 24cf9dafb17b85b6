"""What every desk shares: parties and people, outbox, register, documents."""
