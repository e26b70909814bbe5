"""What people on duty did about a call, a fax or a conversation: who handled it, and a note."""
