"""Who works: threads, processes or a Dask cluster; and how watchers learn how far the work is."""
