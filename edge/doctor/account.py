"""What to do where broker or hub refuses this node's account: by what this box knows of how it
joined, and by what the other of the two says to the same account."""

from __future__ import annotations

from dataclasses import dataclass

from edge.enrol.note import Joined


@dataclass(frozen=True)
class Account:
    """The node's, as this box has it."""

    node: str
    joined: Joined

    def refused_by_broker(self, *, is_known_to_hub: bool) -> str:
        """What to do. The broker's accounts are the hub's, so the hub's own word goes first."""
        if is_known_to_hub:
            return (
                "the hub takes this very account, so the broker has not read the hub's accounts as"
                " they are now, or hub.mqtt is another hub's: camwatch-hub doctor there tells; does"
                " camwatch-broker-reload.path run there?"
            )
        return self._refused()

    def refused_by_hub(self, *, is_known_to_broker: bool) -> str:
        """What to do where uploads are refused."""
        if is_known_to_broker:
            return (
                "the broker takes this node, so hub.upload_url is another hub's, or"
                " hub.secret_file was changed since the agent began"
            )
        return self._refused()

    def _refused(self) -> str:
        node, file = self.node, f"{self.node}.node"
        if self.joined == "never":
            return (
                f"this box was never enrolled: camwatch-hub node add {node} --to {file} at the hub"
                f" (node replace where it knows {node}), camwatch-edge enrol {file} here. Where it"
                " was set up by hand, hub.secret_file has to hold what node add --secret-to wrote"
            )
        if self.joined == "begun":
            return (
                "the enrolment of this box was begun and did not end: camwatch-edge enrol with the"
                " same node file again; where that is used or too old, with one of"
                f" camwatch-hub node replace {node} --to {file}"
            )
        was = "this box was enrolled, and " if self.joined == "done" else ""
        return (
            f"{was}{node} was shut out, another box joined under its name, or this is another hub"
            " (is hub.key its key?): camwatch-hub nodes tells. To let this box in again:"
            f" camwatch-hub node replace {node} --to {file} there, camwatch-edge enrol {file} here"
        )
