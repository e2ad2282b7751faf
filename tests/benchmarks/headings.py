"""The headings of an enrollment file; apart, so that a peer which needs them imports nothing else."""

HEADINGS = (
    "Enrollment",
    "Username",
    "Roster",
    "Users Date Enrolled",
    "User Date Enrolled Time Zone",
    "Users Enrollment Pre-Status",
    "Users Enrollment Post-Status",
    "Priority (Waitlist)",
    "Enrollment Completed Date / Last Status Change",
)
