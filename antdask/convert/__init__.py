"""The verbs: describe and plan inputs, convert a part, run a campaign, verify an archive."""
