"""Kingbird makes an image that exists in one OpenStack region exist in the others."""
