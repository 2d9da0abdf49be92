"""The messages of items that end without being worked on."""

#: The message of an item that has not ended when its task has.
NOT_WORKED_ON = "The job was closed before this item was worked on"
#: The message of an item of a cancelled job.
CANCELLED = "The job was cancelled before this item was worked on"
