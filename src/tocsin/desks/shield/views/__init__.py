"""The pages of the shield: for anybody, and for those who decide."""
