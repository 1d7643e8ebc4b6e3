"""All that knows bAbI: the tasks, the stories and their files, words, batches."""
