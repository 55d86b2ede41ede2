"""What tests share: building values, a service in the same process, and the installed command."""
