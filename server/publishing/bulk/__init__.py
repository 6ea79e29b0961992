"""Publications in bulk: planned from a spreadsheet, and shown in other people's calendars."""
