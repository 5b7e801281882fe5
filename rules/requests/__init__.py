"""Requests made to order, or changed as little as possible so that facts are as wanted."""
