"""stages: feat, then train variants from the cache. first halves only."""
import sys,time,pickle,zlib
from pathlib import Path
import numpy as np
from smartwatts_ml.modelfiles.tensorflow import settle_environment, start_tensorflow
settle_environment(); start_tensorflow()
import keras
from dataclasses import replace
from smartwatts_ml.kinds.anomaly import training as tr
from smartwatts_ml.kinds.anomaly.features import feature_model
from smartwatts_ml.kinds.anomaly.settings import AnomalySettings
from smartwatts_ml.kinds.anomaly.windows import inputs_at, mains_of, hours_of_week
from smartwatts_ml.kinds.anomaly.exam import examine
from smartwatts_ml.readings.base import Readings, MAINS
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.settings import Settings
import pandas as pd
SPL={"homes":"anomaly_fontana17","buildings":"anomaly_cambridge26"}
def sites(split):
    folder=Path("/work/shared/data")/SPL[split]
    rd=FileReadings([folder/"readings_labelled.csv.gz"],Settings(check_mains=False))
    cuts=pd.read_csv(folder/"readings_labelled.devices.csv",parse_dates=["test_start"]).set_index("device_id").test_start
    out=[]
    for s in rd.iterate(3600,(MAINS,),local=True):
        name=s.site+"/mains" if s.site+"/mains" in cuts.index else s.site
        c=int((np.datetime64(cuts[name],"s")-s.start)//np.timedelta64(3600,"s"))
        v=mains_of(s)[:c].copy()
        out.append(replace(s,channels={MAINS:v},anomaly=None))
    return out
class Mem(Readings):
    def __init__(self,ss): self.s={s.site:s for s in ss}
    def spans(self):
        from smartwatts_ml.readings.base import SiteSpan
        return tuple(SiteSpan(n,(MAINS,),s.start,s.end,len(s),3600) for n,s in sorted(self.s.items()))
    def load(self,site,period_s,channels=None,*,local=False): return self.s[site]
def cut(s,n): return replace(s,channels={MAINS:mains_of(s)[:n]})
def main(split,tag):
    S=sites(split); t0=time.process_time()
    st=AnomalySettings(injected_windows=15000,normal_hours=25000)
    older=[cut(s,int(len(s)*.6)//24*24) for s in S]
    fm=feature_model(672); fz=tr._featuriser(fm)
    keras.utils.set_random_seed(0)
    halves=tr._collect(Mem(older),st,fz,0,lambda t,x:print(t,round(x,2),round(time.process_time()-t0),flush=True) if x else None)
    pickle.dump(halves,open(f"/tmp/w/ha/{tag}_{split}_train.pkl","wb"))
    val=[]
    for s,o in zip(S,older):
        v=mains_of(s); h=hours_of_week(s); n0=len(o)
        at=np.flatnonzero(~np.isnan(v)); at=at[at>=n0]
        allowed=np.zeros(len(v),bool); allowed[at]=True
        row={"site":s.site,"at":at,"clean":fz(*inputs_at(v,h,at,672).values())}
        for k in range(1):
            inj=examine(v,h,allowed,(0,k,zlib.crc32(s.site.encode())),count=max(1,round(len(at)/168)))
            row[f"exam{k}"]=(inj.codes[at],inj.events,fz(*inputs_at(inj.values,h,at,672).values()))
        val.append(row); print(s.site,len(at),round(time.process_time()-t0),flush=True)
    pickle.dump(val,open(f"/tmp/w/ha/{tag}_{split}_val.pkl","wb"))
main(*sys.argv[1:])
