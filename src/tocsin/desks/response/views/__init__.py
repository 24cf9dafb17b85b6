"""The pages of the response desk: parse, one call to an action or a query, render."""
