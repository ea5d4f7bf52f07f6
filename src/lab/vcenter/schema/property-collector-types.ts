/** The PropertyCollector's own types, in wire order. */
export const PROPERTY_COLLECTOR_TYPES = `
DynamicProperty extends DynamicData (vmodl.DynamicProperty)
  name:string val:anyType
PropertyFilterSpec extends DynamicData (vmodl.query.PropertyCollector.FilterSpec)
  propSet:PropertySpec[] objectSet:ObjectSpec[] reportMissingObjectsInResults?:boolean@4.1
PropertySpec extends DynamicData (vmodl.query.PropertyCollector.PropertySpec)
  type:string all?:boolean pathSet?:string[]
ObjectSpec extends DynamicData (vmodl.query.PropertyCollector.ObjectSpec)
  obj:->ManagedObject skip?:boolean selectSet?:SelectionSpec[]
SelectionSpec extends DynamicData (vmodl.query.PropertyCollector.SelectionSpec)
  name?:string
TraversalSpec extends SelectionSpec (vmodl.query.PropertyCollector.TraversalSpec)
  type:string path:string skip?:boolean selectSet?:SelectionSpec[]
RetrieveOptions@4.1 extends DynamicData (vmodl.query.PropertyCollector.RetrieveOptions)
  maxObjects?:int
RetrieveResult@4.1 extends DynamicData (vmodl.query.PropertyCollector.RetrieveResult)
  token?:string objects:ObjectContent[]
ObjectContent extends DynamicData (vmodl.query.PropertyCollector.ObjectContent)
  obj:->ManagedObject propSet?:DynamicProperty[] missingSet?:MissingProperty[]
MissingProperty extends DynamicData (vmodl.query.PropertyCollector.MissingProperty)
  path:string fault:LocalizedMethodFault
WaitOptions@4.1 extends DynamicData (vmodl.query.PropertyCollector.WaitOptions)
  maxWaitSeconds?:int maxObjectUpdates?:int
UpdateSet extends DynamicData (vmodl.query.PropertyCollector.UpdateSet)
  version:string filterSet?:PropertyFilterUpdate[] truncated?:boolean@4.1
PropertyFilterUpdate extends DynamicData (vmodl.query.PropertyCollector.FilterUpdate)
  filter:->PropertyFilter objectSet?:ObjectUpdate[] missingSet?:MissingObject[]
ObjectUpdate extends DynamicData (vmodl.query.PropertyCollector.ObjectUpdate)
  kind:ObjectUpdateKind obj:->ManagedObject changeSet?:PropertyChange[] missingSet?:MissingProperty[]
PropertyChange extends DynamicData (vmodl.query.PropertyCollector.Change)
  name:string op:PropertyChangeOp val?:anyType
MissingObject extends DynamicData (vmodl.query.PropertyCollector.MissingObject)
  obj:->ManagedObject fault:LocalizedMethodFault
`;
