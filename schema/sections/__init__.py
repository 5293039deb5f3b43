"""The options, a file a section; `job.JobFile` is the whole config."""
