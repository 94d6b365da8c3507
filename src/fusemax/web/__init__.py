"""The explorer on 127.0.0.1: pages, their `.json` twins, and the processes that compute their answers."""
