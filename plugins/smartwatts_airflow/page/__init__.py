"""The Models page: champions, their history, reports, downloads, retraining and rollback, inside
Airflow.

app        routes, and who may see them
views      the pages
asked      what a request asks for
kept       what lies in the root and is handed out as it is
trouble    what is said when something is wrong
health     the line that says whether all is well
now        what runs, and how far it is
overview   the champions, a row a model
fleet      which version runs where, and what homes say of it
detail     one model: its versions, its history
judged     what runs decided on it, and what that cost
compare    two versions side by side
airflow    what Airflow's own database knows: runs, next run, who may do what
documents  signed documents, remembered for as long as they have not changed
metrics    what manifests say of how well a version does
chart      a metric over versions as SVG
trend      values over runs as SVG; trends: which ones are shown
render     templates
"""
