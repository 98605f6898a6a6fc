"""Labels from people: answers in ``landing/labels/``, and how each is read, kept and looked up."""
