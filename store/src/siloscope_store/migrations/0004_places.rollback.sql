DROP TABLE placement;
DROP TABLE place;
