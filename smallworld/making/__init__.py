"""How the shipped models are made: trainers, their measurement, their cards. No notebook needs it but 06."""
