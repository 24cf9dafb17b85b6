"""Who held an address: records of leases, sessions and translated ports, and their look-up.

A *binding* says that one line held an address or prefix, all of its ports or some, from one
moment to another. It is what is left of a DHCP lease, a RADIUS session, a PPPoE log, a block of
ports of a carrier-grade NAT or a delegated prefix, whoever wrote it.
"""
