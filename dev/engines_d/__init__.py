"""What `dev/engines` is made of.

commands      the command line
versions      which Kafka, Cassandra and Redis: docker-compose.yml must name the same
install       Debian packages and jars: what is missing is fetched, verified and kept
instance      one set of engines: its directory, ports, credentials and state file
process       processes of our own: started detached, recognised again, stopped
services      the engines behind one face: kafka, cassandra, redis (single, Sentinel, Cluster)
*_wire, tls   just enough of each protocol to ask "do you serve?"
certificates  the authority and certificates of `--secure`
runner        up and down; starter: starting nodes and waiting for them
faults        stop, kill, freeze, thaw
report, shell `status`, `logs`, `env`
compose       the same through docker-compose.yml, where a container engine answers
selftest      the check of all that
"""
