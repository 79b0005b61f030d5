"""What a virtual unit asks of others: time, names, leases, logins; and what it tells them: log and routes.

Clients have the shape of the services (`enabled`, `serve`) and are started with them.
"""
