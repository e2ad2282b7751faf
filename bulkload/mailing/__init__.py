"""Mail: which letters a job calls for, what they say, and how they are sent."""
