"""Declare the manual backups each VPS.org server shall have; reconcile makes it so."""
