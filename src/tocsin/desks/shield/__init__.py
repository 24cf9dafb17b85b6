"""The phishing shield: vetted listings, DNS protection, the warning page, appeals."""
