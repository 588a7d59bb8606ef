"""What each notebook asks of its reader, one module a notebook: reference answers, judges and hints."""
