"""Routes: what a page may ask, and in which words the OpenAPI document describes it."""
