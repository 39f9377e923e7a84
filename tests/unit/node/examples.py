"""The examples in the help of the commands of contracts."""

from node.cli.root import root

GROUPS = ("contract", "profile", "record", "cred", "grant")
EXAMPLE = "Example: hansa "
CLAIMS = {
    "@context": [
        "https://www.w3.org/ns/credentials/v2",
        "https://www.w3.org/ns/credentials/undefined-terms/v2",
    ],
    "type": ["VerifiableCredential", "Licence"],
    "credentialSubject": {"legalName": "Farm Ltd"},
}
BALLOT = "5e1fa93c07b2aa61fe20cd71-1"
KEY_ID, WRAPPED = "41f3d2c5b6a79880", "9f2c…e1"
"""What stands in examples for an id and a key that only a real network has."""


def example_of(*names):
    """The example in the help of a command, without ``hansa``."""
    command = root.get_command(None, names[0])
    for name in names[1:]:
        command = command.commands[name]
    assert command.epilog.startswith(EXAMPLE), names
    return command.epilog.removeprefix(EXAMPLE)


def all_commands():
    """Every command of the groups."""
    return [(group, name) for group in GROUPS for name in root.get_command(None, group).commands]
