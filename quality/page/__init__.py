"""The page of the quality card: its words and style in `template.html`, its tables, bars and faces from here."""
