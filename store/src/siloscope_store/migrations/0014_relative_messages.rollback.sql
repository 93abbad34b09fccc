DROP TABLE relative_message;
