"""The Models page: champions, their history, reports, downloads and rollback, inside Airflow.

app        routes, who may see them, and what is said when something is wrong
overview   the champions, a row a model
fleet      which version runs where, and what homes say of it
detail     one model: its versions, its history, what runs decided on it
airflow    what Airflow's own database knows: runs, next run, who may trigger what
documents  signed documents, remembered for as long as they have not changed
chart      a metric over versions as SVG
"""
