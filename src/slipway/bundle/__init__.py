"""What a job that runs a pull request's code hands to the job that does not: documents, checked as hostile."""
