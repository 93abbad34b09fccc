"""Raw samples as Parquet files, one a day and site: written and proven before anything is dropped, and put back.

`day_files` knows the format and needs pyarrow, which takes a tenth of a second to import: that happens where a file is
written or read, and not for everybody who opens the database.
"""
