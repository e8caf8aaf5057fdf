"""Who works: threads, processes and Dask clusters, and how far the work is."""
