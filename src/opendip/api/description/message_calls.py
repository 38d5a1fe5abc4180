"""The calls that send: messages, and status messages about messages received (E2E 4.4, 4.7)."""

from collections.abc import Mapping

from opendip.api.description.call import Answer, Call

CALLS: Mapping[tuple[str, str], Call] = {
    ("/{version}/dip-channel/{id}", "POST"): Call(
        name="sendMessages",
        group="Messages",
        title="Send messages of one channel",
        text=(
            "All messages are of the channel in the path. One that breaks its schema has the whole call refused; any "
            "other fault refuses the one message. The very same call, signature and all, is answered again as it was."
        ),
        answers={
            201: Answer("All messages are taken: they are kept, and will be delivered or their fate told."),
            207: Answer(
                "Some are taken. The entries, in the order of the messages, say which, and why not the others."
            ),
        },
        body="Messages",
    ),
    ("/{version}/statusmessage", "POST"): Call(
        name="sendStatusMessages",
        group="Status messages",
        title="Tell senders what is wrong with messages received",
        text=(
            "Each entry is about one message that senderID (the caller, or a participant that has nominated it) was "
            "sent, and goes to the sender of that message. Entries have no properties but those described; one "
            "that has, or breaks its schema, has the whole call refused. The very same call is answered as it was."
        ),
        answers={
            201: Answer("All entries are taken, and will be delivered to the status webhooks of the senders."),
            207: Answer("Some are taken. The entries, in the order sent, say which, and why not the others."),
        },
        body="StandardResponseArray",
    ),
}
