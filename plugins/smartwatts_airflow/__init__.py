"""What the DAGs share. Importing it, or anything in it, loads no heavy library."""
