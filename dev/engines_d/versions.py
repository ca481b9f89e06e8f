"""The engines' versions, once. docker-compose.yml must name the same (deploy/tests/compose.py looks)."""

KAFKA = "4.1.2"
CASSANDRA = "5.0.9"
REDIS = "7.0.15"  # Debian 12's; any 7.x or later of the system will do

JAVA = 17
DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
