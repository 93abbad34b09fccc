DROP TRIGGER marks_go_on_to_mirror ON rollup_touched;
DROP FUNCTION hand_marks_to_mirror();
DROP TABLE mirror_refused;
DROP TABLE mirror_touched;
DROP TABLE mirror_position;
DROP TABLE import_run;
